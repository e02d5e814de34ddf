with source as (
    select * from {{ source('raw_postgres_public', 'payments') }}
),

renamed as (
    select
        _fivetran_id as payment_id,
        order_id,
        method,
        amount,
        currency,
        paid_at,
        reference,
        updated_at
    from source
    where not coalesce(_fivetran_deleted, false)
)

select * from renamed
