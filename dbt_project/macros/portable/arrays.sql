{#- Arrays made of the values of a group. -#}

{#- As an aggregate: the values in order, missing ones left out; empty where there are none. -#}
{% macro array_of(expression) -%}
    {{ return(adapter.dispatch('array_of')(expression)) }}
{%- endmacro %}

{% macro duckdb__array_of(expression) -%}
    coalesce(list({{ expression }} order by {{ expression }}) filter (where {{ expression }} is not null), [])
{%- endmacro %}

{% macro snowflake__array_of(expression) -%}
    array_agg({{ expression }}) within group (order by {{ expression }})
{%- endmacro %}

{% macro bigquery__array_of(expression) -%}
    ifnull(array_agg({{ expression }} ignore nulls order by {{ expression }}), [])
{%- endmacro %}

{#- How many values there are. -#}
{% macro array_count(array) -%}
    {{ return(adapter.dispatch('array_count')(array)) }}
{%- endmacro %}

{% macro duckdb__array_count(array) -%}
    len({{ array }})
{%- endmacro %}

{% macro snowflake__array_count(array) -%}
    array_size({{ array }})
{%- endmacro %}

{% macro bigquery__array_count(array) -%}
    array_length({{ array }})
{%- endmacro %}

{#- Whether a value is among them. -#}
{% macro array_has(array, value) -%}
    {{ return(adapter.dispatch('array_has')(array, value)) }}
{%- endmacro %}

{% macro duckdb__array_has(array, value) -%}
    list_contains({{ array }}, {{ value }})
{%- endmacro %}

{% macro snowflake__array_has(array, value) -%}
    array_contains(to_variant({{ value }}), {{ array }})
{%- endmacro %}

{% macro bigquery__array_has(array, value) -%}
    ({{ value }} in unnest({{ array }}))
{%- endmacro %}

{#- An array of texts as one text. -#}
{% macro array_text(array, separator) -%}
    array_to_string({{ array }}, {{ text_literal(separator) }})
{%- endmacro %}
