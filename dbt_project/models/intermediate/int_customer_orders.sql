with orders as (
    select
        customer_id,
        ordered_at,
        {{ to_eur('total_amount', 'currency') }} as amount_eur
    from {{ ref('stg_orders') }}
    -- A cancelled order was never a sale.
    where status <> 'cancelled'
)

select
    customer_id,
    count(*) as order_count,
    min(ordered_at) as first_ordered_at,
    max(ordered_at) as last_ordered_at,
    {{ to_decimal('sum(amount_eur)', 18, 2) }} as lifetime_amount_eur
from orders
group by customer_id
