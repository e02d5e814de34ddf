with source as (
    select * from {{ source('raw_postgres_public', 'products') }}
),

renamed as (
    select
        product_id,
        sku,
        {{ clean_text('name') }} as product_name,
        category,
        price,
        currency,
        discontinued as is_discontinued,
        created_at,
        updated_at
    from source
    where not coalesce(_fivetran_deleted, false)
)

select * from renamed
