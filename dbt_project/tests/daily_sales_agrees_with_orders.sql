{{ config(meta={'dagster': {'ref': {'name': 'daily_sales'}}}) }}

-- The days that were built hold exactly the orders of those days, none lost and none twice.

with orders as (
    select
        ordered_on as sales_date,
        count(*) as order_count,
        sum(total_amount_eur) as amount_eur
    from {{ ref('fact_orders') }}
    where status <> 'cancelled'
    group by ordered_on
),

days as (
    select
        sales_date,
        sum(order_count) as order_count,
        sum(gross_amount_eur) as amount_eur
    from {{ ref('daily_sales') }}
    group by sales_date
)

select
    coalesce(orders.sales_date, days.sales_date) as sales_date,
    orders.order_count as expected_orders,
    days.order_count as found_orders,
    orders.amount_eur as expected_amount_eur,
    days.amount_eur as found_amount_eur
from orders
full outer join days on orders.sales_date = days.sales_date
where
    (
        orders.sales_date is null
        or days.sales_date is null
        or orders.order_count <> days.order_count
        or orders.amount_eur <> days.amount_eur
    )
    and {{ in_backfill('coalesce(orders.sales_date, days.sales_date)') }}
