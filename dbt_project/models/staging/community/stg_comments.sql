with source as (
    select * from {{ source('raw_community', 'comments') }}
),

renamed as (
    select
        id as comment_id,
        post_id,
        name as subject,
        {{ clean_email('email') }} as email,
        body,
        row_number() over (
            partition by id
            order by _modified desc, _file desc, _line desc
        ) as recency
    from source
)

-- The extract writes every row again each day: the newest file has the last word on a row.
select
    comment_id,
    post_id,
    subject,
    email,
    body
from renamed
where recency = 1
