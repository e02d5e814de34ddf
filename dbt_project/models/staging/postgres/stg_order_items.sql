with source as (
    select * from {{ source('raw_postgres_public', 'order_items') }}
),

renamed as (
    select
        order_id,
        line_number,
        product_id,
        quantity,
        unit_price,
        discount,
        {{ to_decimal('round(quantity * unit_price * (1 - discount), 2)', 14, 2) }} as net_amount,
        updated_at
    from source
    where not coalesce(_fivetran_deleted, false)
)

select * from renamed
