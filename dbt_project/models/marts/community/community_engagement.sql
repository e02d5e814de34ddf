with posts as (
    select
        user_id,
        count(*) as post_count
    from {{ ref('stg_posts') }}
    group by user_id
),

-- Comments count for the author of the post they answer, whoever wrote them.
comments as (
    select
        posts.user_id,
        count(*) as comment_count,
        count(distinct comments.email) as commenter_count
    from {{ ref('stg_comments') }} as comments
    inner join {{ ref('stg_posts') }} as posts on comments.post_id = posts.post_id
    group by posts.user_id
)

select
    users.user_id,
    users.username,
    users.email,
    users.city,
    coalesce(posts.post_count, 0) as post_count,
    coalesce(comments.comment_count, 0) as comment_count,
    coalesce(comments.commenter_count, 0) as commenter_count
from {{ ref('stg_users') }} as users
left join posts on users.user_id = posts.user_id
left join comments on users.user_id = comments.user_id
