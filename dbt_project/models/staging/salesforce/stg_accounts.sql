with source as (
    select * from {{ source('raw_salesforce', 'account') }}
),

renamed as (
    select
        id as account_id,
        {{ clean_text('name') }} as account_name,
        industry,
        billing_country,
        annual_revenue,
        owner_id,
        created_date as created_at,
        system_modstamp as updated_at
    from source
    where not coalesce(is_deleted, false) and not coalesce(_fivetran_deleted, false)
)

select * from renamed
