with source as (
    select * from {{ source('raw_salesforce', 'lead') }}
),

renamed as (
    select
        id as lead_id,
        {{ clean_name('first_name') }} as first_name,
        {{ clean_name('last_name') }} as last_name,
        {{ clean_email('email') }} as email,
        {{ digits_only('phone') }} as phone,
        {{ clean_text('company') }} as company,
        status,
        lead_source,
        is_converted,
        created_date as created_at,
        system_modstamp as updated_at
    from source
    where not coalesce(is_deleted, false) and not coalesce(_fivetran_deleted, false)
)

select * from renamed
