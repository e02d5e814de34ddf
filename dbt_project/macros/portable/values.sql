{#- Reading values of other types: JSON members and casts that give NULL instead of an error. -#}

{#- The text of one JSON member; `path` is dotted, as in address.geo.lat. -#}
{% macro json_value(expression, path) -%}
    {{ return(adapter.dispatch('json_value')(expression, path)) }}
{%- endmacro %}

{% macro default__json_value(expression, path) -%}
    {{ exceptions.raise_compiler_error("json_value is not written for " ~ target.type) }}
{%- endmacro %}

{% macro duckdb__json_value(expression, path) -%}
    json_extract_string({{ expression }}, '$.{{ path }}')
{%- endmacro %}

{% macro snowflake__json_value(expression, path) -%}
    cast(get_path({{ expression }}, '{{ path }}') as varchar)
{%- endmacro %}

{#- A cast that gives NULL where the text is not of the type. -#}
{% macro try_to(expression, data_type) -%}
    try_cast({{ expression }} as {{ data_type }})
{%- endmacro %}
