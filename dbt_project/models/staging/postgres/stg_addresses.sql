with source as (
    select * from {{ source('raw_postgres_public', 'addresses') }}
),

renamed as (
    select
        customer_id,
        kind,
        trim(street) as street,
        trim(city) as city,
        trim(postal_code) as postal_code,
        upper(country) as country,
        updated_at
    from source
    where not coalesce(_fivetran_deleted, false)
)

select * from renamed
