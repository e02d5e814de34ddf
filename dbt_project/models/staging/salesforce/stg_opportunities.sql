with source as (
    select * from {{ source('raw_salesforce', 'opportunity') }}
),

renamed as (
    select
        id as opportunity_id,
        account_id,
        name as opportunity_name,
        stage_name,
        amount,
        currency_iso_code as currency,
        close_date,
        is_won,
        is_closed,
        created_date as created_at,
        system_modstamp as updated_at
    from source
    where not coalesce(is_deleted, false) and not coalesce(_fivetran_deleted, false)
)

select * from renamed
