with source as (
    select * from {{ source('raw_community', 'posts') }}
),

renamed as (
    select
        id as post_id,
        user_id,
        title,
        body,
        row_number() over (
            partition by id
            order by _modified desc, _file desc, _line desc
        ) as recency
    from source
)

-- The extract writes every row again each day: the newest file has the last word on a row.
select
    post_id,
    user_id,
    title,
    body
from renamed
where recency = 1
