-- A number that changes whenever anything an order rests on does: the sum of the sync times of its
-- rows. A row that changes gets a later time, a new row adds its own, a deleted row takes its away.
with live as (
    {%- for table in ['orders', 'order_items', 'payments'] %}
    select
        order_id,
        _fivetran_synced as synced_at
    from {{ source('raw_postgres_public', table) }}
    where not coalesce(_fivetran_deleted, false)
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
)

select
    order_id,
    max(synced_at) as synced_at,
    {{ to_decimal('sum(' ~ epoch_microseconds('synced_at') ~ ')', 38, 0) }} as version
from live
group by order_id
