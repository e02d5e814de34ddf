with source as (
    select * from {{ source('raw_salesforce', 'contact') }}
),

renamed as (
    select
        {{ try_to('customer_external_id_c', 'bigint') }} as customer_id,
        id as contact_id,
        account_id,
        {{ clean_name('first_name') }} as first_name,
        {{ clean_name('last_name') }} as last_name,
        {{ clean_email('email') }} as email,
        {{ digits_only('phone') }} as phone,
        birthdate,
        {{ age_at('birthdate', as_of_date()) }} as age,
        {{ clean_text('mailing_city') }} as mailing_city,
        created_date as created_at,
        last_modified_date as updated_at,
        system_modstamp
    from source
    where not coalesce(is_deleted, false) and not coalesce(_fivetran_deleted, false)
),

-- The CRM holds several contacts for some customers: the one that was edited last speaks.
ranked as (
    select
        *,
        row_number() over (
            partition by customer_id
            order by updated_at desc, system_modstamp desc, contact_id desc
        ) as recency
    from renamed
    where customer_id is not null
)

select
    customer_id,
    contact_id,
    account_id,
    first_name,
    last_name,
    email,
    phone,
    birthdate,
    age,
    mailing_city,
    created_at,
    updated_at
from ranked
where recency = 1
