{#- A backfill gives a range of days, see in_backfill; otherwise all days are looked at. -#}
{{
    config(
        materialized='incremental',
        unique_key=['sales_date', 'currency'],
        incremental_strategy=replace_strategy(),
        on_schema_change='fail',
        post_hook="{{ delete_vanished(
            'select ordered_on as sales_date, currency from ' ~ ref('fact_orders') ~ \" where status <> 'cancelled'\",
            ['sales_date', 'currency'],
            in_backfill('sales_date'),
        ) }}",
    )
}}

with sales as (
    select
        ordered_on as sales_date,
        currency,
        customer_id,
        total_amount,
        total_amount_eur
    from {{ ref('fact_orders') }}
    where status <> 'cancelled'
),

days as (
    select
        sales_date,
        currency,
        count(*) as order_count,
        count(distinct customer_id) as customer_count,
        {{ to_decimal('sum(total_amount)', 18, 2) }} as gross_amount,
        {{ to_decimal('sum(total_amount_eur)', 18, 2) }} as gross_amount_eur
    from sales
    where {{ in_backfill('sales_date') }}
    group by sales_date, currency
)

select days.*
from days
{% if is_incremental() and not is_backfill() %}
-- Only days whose figures moved are written again.
left join {{ this }} as built
    on days.sales_date = built.sales_date and days.currency = built.currency
where
    built.sales_date is null
    or built.order_count <> days.order_count
    or built.customer_count <> days.customer_count
    or built.gross_amount <> days.gross_amount
    or built.gross_amount_eur <> days.gross_amount_eur
{% endif %}
