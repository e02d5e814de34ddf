with source as (
    select * from {{ source('raw_community', 'users') }}
),

renamed as (
    select
        id as user_id,
        {{ clean_text('name') }} as full_name,
        username,
        {{ clean_email('email') }} as email,
        {{ clean_text(json_value('address', 'street')) }} as street,
        {{ clean_text(json_value('address', 'city')) }} as city,
        {{ json_value('address', 'zipcode') }} as postal_code,
        {{ try_to(json_value('address', 'geo.lat'), 'decimal(9, 6)') }} as latitude,
        {{ try_to(json_value('address', 'geo.lng'), 'decimal(9, 6)') }} as longitude,
        {{ digits_only('phone') }} as phone,
        website,
        {{ json_value('company', 'name') }} as company_name,
        row_number() over (
            partition by id
            order by _modified desc, _file desc, _line desc
        ) as recency
    from source
)

-- The extract writes every row again each day: the newest file has the last word on a row.
select
    user_id,
    full_name,
    username,
    email,
    street,
    city,
    postal_code,
    latitude,
    longitude,
    phone,
    website,
    company_name
from renamed
where recency = 1
