{{
    config(
        materialized='incremental',
        unique_key='order_id',
        incremental_strategy=replace_strategy(),
        on_schema_change='fail',
        post_hook="{{ delete_vanished('select order_id from ' ~ ref('stg_orders'), ['order_id']) }}",
    )
}}

-- An order is built again when its version is not the one it was built from. There is no high-water
-- mark, so it does not matter how late, or in which sync, a row arrives.
with changed as (
    select
        versions.order_id,
        versions.synced_at,
        versions.version
    from {{ ref('int_order_versions') }} as versions
    {% if is_incremental() %}
    left join {{ this }} as built on versions.order_id = built.order_id
    where
        built.order_id is null
        or built._source_version <> versions.version
    {% endif %}
),

orders as (
    select
        stg_orders.*,
        changed.synced_at,
        changed.version
    from {{ ref('stg_orders') }} as stg_orders
    inner join changed on stg_orders.order_id = changed.order_id
),

items as (
    select
        order_id,
        count(*) as item_count,
        sum(quantity) as quantity
    from {{ ref('stg_order_items') }}
    where order_id in (select changed.order_id from changed)
    group by order_id
),

payments as (
    select
        order_id,
        sum(amount) as paid_amount
    from {{ ref('stg_payments') }}
    where order_id in (select changed.order_id from changed)
    group by order_id
)

select
    orders.order_id,
    orders.customer_id,
    orders.status,
    orders.currency,
    orders.total_amount,
    {{ to_eur('orders.total_amount', 'orders.currency') }} as total_amount_eur,
    coalesce(items.item_count, 0) as item_count,
    cast(coalesce(items.quantity, 0) as bigint) as quantity,
    {{ to_decimal('coalesce(payments.paid_amount, 0)', 14, 2) }} as paid_amount,
    orders.ordered_at,
    orders.ordered_on,
    orders.shipped_at,
    orders.updated_at,
    orders.synced_at as _synced_at,
    orders.version as _source_version
from orders
left join items on orders.order_id = items.order_id
left join payments on orders.order_id = payments.order_id
