{#- The history's instants carry their time zone, like the `updated_at` they are compared with. -#}
{% macro duckdb__snapshot_get_time() -%}
    now()
{%- endmacro %}
