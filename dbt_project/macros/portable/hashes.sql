{#- Hashes that are the same on every warehouse. -#}

{#- The key of a row: the MD5 of several columns, as 32 small hexadecimal digits. Each value stands
    with its length, so that neither a missing value nor where one column ends can be mistaken.
    For texts, whole numbers, dates and booleans; other types have no text that all warehouses
    share, so give them as one (`format_date`, `format_time`). -#}
{% macro row_key(expressions) -%}
    {%- set parts = [] -%}
    {%- for one in expressions -%}
        {%- set text = 'cast(' ~ one ~ ' as ' ~ portable_type('varchar') ~ ')' -%}
        {%- set size = 'cast(length(' ~ text ~ ') as ' ~ portable_type('varchar') ~ ')' -%}
        {%- do parts.append("coalesce(" ~ size ~ " || ':' || " ~ text ~ ", '-')") -%}
    {%- endfor -%}
    {{ return(md5_text(parts | join(' || '))) }}
{%- endmacro %}

{#- The MD5 of a text in UTF-8, as 32 small hexadecimal digits. -#}
{% macro md5_text(expression) -%}
    {{ return(adapter.dispatch('md5_text')(expression)) }}
{%- endmacro %}

{% macro default__md5_text(expression) -%}
    md5({{ expression }})
{%- endmacro %}

{% macro bigquery__md5_text(expression) -%}
    to_hex(md5({{ expression }}))
{%- endmacro %}
