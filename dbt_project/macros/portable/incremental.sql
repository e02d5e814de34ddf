{#- How incremental models write: the same result on every warehouse. -#}

{#- Replace changed rows: one statement where the warehouse has a good merge. -#}
{% macro replace_strategy() -%}
    {{ return('delete+insert' if target.type == 'duckdb' else 'merge') }}
{%- endmacro %}

{#- Whether a range of days was asked for; a full refresh always builds all days. -#}
{% macro is_backfill() -%}
    {{ return(var('start_date', none) and var('end_date', none) and not should_full_refresh()) }}
{%- endmacro %}

{#- The condition that a day lies in the range of a backfill, both ends included; else always true. -#}
{% macro in_backfill(day) -%}
    {%- if is_backfill() -%}
        {{ day }} between cast('{{ var("start_date") }}' as date) and cast('{{ var("end_date") }}' as date)
    {%- else -%}
        true
    {%- endif -%}
{%- endmacro %}

{#- As a post-hook: remove rows that a full refresh would no longer give, which neither strategy
    does; `within` limits it to the rows that this run is about. -#}
{% macro delete_vanished(keep_query, keys, within='true') -%}
    {%- if is_incremental() -%}
        delete from {{ this }}
        where {{ within }} and not exists (
            select 1 from ({{ keep_query }}) as kept
            where
                {%- for key in keys %}
                kept.{{ key }} = {{ this.identifier }}.{{ key }}{{ ' and' if not loop.last }}
                {%- endfor %}
        )
    {%- endif -%}
{%- endmacro %}
