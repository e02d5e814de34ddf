{#- How incremental models write: the same result on every warehouse. -#}

{#- Replace changed rows: one statement where the warehouse has a good merge. -#}
{% macro replace_strategy() -%}
    {{ return('merge' if target.type == 'snowflake' else 'delete+insert') }}
{%- endmacro %}

{#- As a post-hook: remove rows that a full refresh would no longer give, which neither strategy does. -#}
{% macro delete_vanished(keep_query, keys) -%}
    {%- if is_incremental() -%}
        delete from {{ this }}
        where not exists (
            select 1 from ({{ keep_query }}) as kept
            where
                {%- for key in keys %}
                kept.{{ key }} = {{ this }}.{{ key }}{{ ' and' if not loop.last }}
                {%- endfor %}
        )
    {%- endif -%}
{%- endmacro %}
