with source as (
    select * from {{ source('raw_postgres_public', 'addresses') }}
),

renamed as (
    select
        customer_id,
        kind,
        {{ clean_text('street') }} as street,
        {{ clean_text('city') }} as city,
        {{ clean_text('postal_code') }} as postal_code,
        upper(country) as country,
        updated_at
    from source
    where not coalesce(_fivetran_deleted, false)
)

select * from renamed
