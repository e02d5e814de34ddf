with source as (
    select * from {{ source('raw_postgres_public', 'orders') }}
),

renamed as (
    select
        order_id,
        customer_id,
        status,
        currency,
        total_amount,
        ordered_at,
        {{ utc_date('ordered_at') }} as ordered_on,
        shipped_at,
        updated_at
    from source
    where not coalesce(_fivetran_deleted, false)
)

select * from renamed
