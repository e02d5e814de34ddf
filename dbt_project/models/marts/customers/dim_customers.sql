with production as (
    select * from {{ ref('stg_production_customers') }}
),

-- The CRM is where people correct names and addresses, so it speaks first.
crm as (
    select * from {{ ref('stg_customers') }}
),

orders as (
    select * from {{ ref('int_customer_orders') }}
)

select
    production.customer_id,
    coalesce(crm.first_name, production.first_name) as first_name,
    coalesce(crm.last_name, production.last_name) as last_name,
    coalesce(crm.email, production.email) as email,
    coalesce(crm.phone, production.phone) as phone,
    production.country,
    production.status,
    crm.age,
    coalesce(orders.order_count, 0) as order_count,
    orders.first_ordered_at,
    orders.last_ordered_at,
    coalesce(orders.lifetime_amount_eur, 0) as lifetime_value_eur,
    greatest(production.updated_at, coalesce(crm.updated_at, production.updated_at)) as updated_at
from production
left join crm on production.customer_id = crm.customer_id
left join orders on production.customer_id = orders.customer_id
