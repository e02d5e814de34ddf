-- What the current state of an order rests on. Deleted rows stay in, since a deletion is a change.
with touched as (
    {%- for table in ['orders', 'order_items', 'payments'] %}
    select
        order_id,
        _fivetran_synced as synced_at,
        case when coalesce(_fivetran_deleted, false) then 0 else 1 end as is_live
    from {{ source('raw_postgres_public', table) }}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
)

select
    order_id,
    max(synced_at) as synced_at,
    sum(is_live) as live_rows
from touched
group by order_id
