with source as (
    select * from {{ source('raw_postgres_public', 'customers') }}
),

renamed as (
    select
        customer_id,
        {{ clean_email('email') }} as email,
        {{ clean_name('first_name') }} as first_name,
        {{ clean_name('last_name') }} as last_name,
        {{ digits_only('phone') }} as phone,
        upper(country) as country,
        status,
        marketing_opt_in,
        created_at,
        updated_at
    from source
    where not coalesce(_fivetran_deleted, false)
)

select * from renamed
