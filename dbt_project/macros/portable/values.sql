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

{% macro bigquery__json_value(expression, path) -%}
    json_value({{ expression }}, '$.{{ path }}')
{%- endmacro %}

{#- A number with so many digits, so many of them after the point. -#}
{% macro to_decimal(expression, precision, scale) -%}
    {{ return(adapter.dispatch('to_decimal')(expression, precision, scale)) }}
{%- endmacro %}

{% macro default__to_decimal(expression, precision, scale) -%}
    cast({{ expression }} as decimal({{ precision }}, {{ scale }}))
{%- endmacro %}

{#- BigQuery takes digits in the columns of a table and refuses them in a cast. -#}
{% macro bigquery__to_decimal(expression, precision, scale) -%}
    round(cast({{ expression }} as numeric), {{ scale }})
{%- endmacro %}

{#- A cast that gives NULL where the text is not of the type. -#}
{% macro try_to(expression, data_type) -%}
    {{ return(adapter.dispatch('try_to')(expression, data_type)) }}
{%- endmacro %}

{% macro default__try_to(expression, data_type) -%}
    try_cast({{ expression }} as {{ data_type }})
{%- endmacro %}

{% macro bigquery__try_to(expression, data_type) -%}
    {%- set name = portable_type(data_type).split('(') -%}
    {%- set cast = 'safe_cast(' ~ expression ~ ' as ' ~ name[0] ~ ')' -%}
    {%- if name | length > 1 -%}
        {{ return('round(' ~ cast ~ ', ' ~ name[1].rstrip(') ').split(',')[1] | trim ~ ')') }}
    {%- endif -%}
    {{ return(cast) }}
{%- endmacro %}
