{#- Reading JSON. A path is dotted, as in address.geo.lat; an empty one is the document itself. -#}

{#- A text as JSON, NULL where it is none. -#}
{% macro try_json(text) -%}
    {{ return(adapter.dispatch('try_json')(text)) }}
{%- endmacro %}

{% macro default__try_json(text) -%}
    try_parse_json({{ text }})
{%- endmacro %}

{% macro duckdb__try_json(text) -%}
    case when json_valid({{ text }}) then cast({{ text }} as json) end
{%- endmacro %}

{% macro bigquery__try_json(text) -%}
    safe.parse_json({{ text }})
{%- endmacro %}

{#- The text of one member that is a text, a number or a boolean; NULL for any other. -#}
{% macro json_value(expression, path) -%}
    {{ return(adapter.dispatch('json_value')(expression, path)) }}
{%- endmacro %}

{% macro default__json_value(expression, path) -%}
    {{ exceptions.raise_compiler_error("json_value is not written for " ~ target.type) }}
{%- endmacro %}

{% macro duckdb__json_value(expression, path) -%}
    case
        when json_type({{ expression }}, {{ json_path(path) }}) not in ('OBJECT', 'ARRAY')
            then json_extract_string({{ expression }}, {{ json_path(path) }})
    end
{%- endmacro %}

{% macro snowflake__json_value(expression, path) -%}
    {%- set found = json_member(expression, path) -%}
    case when left(to_json({{ found }}), 1) not in ('{', '[') then cast({{ found }} as varchar) end
{%- endmacro %}

{% macro bigquery__json_value(expression, path) -%}
    json_value({{ expression }}, {{ json_path(path) }})
{%- endmacro %}

{#- How many elements an array has; NULL for what is no array. -#}
{% macro json_array_size(expression, path='') -%}
    {{ return(adapter.dispatch('json_array_size')(expression, path)) }}
{%- endmacro %}

{% macro duckdb__json_array_size(expression, path) -%}
    case
        when json_type({{ expression }}, {{ json_path(path) }}) = 'ARRAY'
            then json_array_length({{ expression }}, {{ json_path(path) }})
    end
{%- endmacro %}

{% macro snowflake__json_array_size(expression, path) -%}
    array_size({{ json_member(expression, path) }})
{%- endmacro %}

{% macro bigquery__json_array_size(expression, path) -%}
    array_length({{ _json_array(expression, path) }})
{%- endmacro %}

{#- To stand after a table in FROM: a row for each element of an array, none where there is none.
    The element is `name.value`, JSON in its turn. -#}
{% macro json_elements(expression, path, name) -%}
    {{ return(adapter.dispatch('json_elements')(expression, path, name)) }}
{%- endmacro %}

{% macro duckdb__json_elements(expression, path, name) -%}
    cross join unnest(json_extract({{ expression }}, {{ json_path(path ~ '[*]') }})) as {{ name }} (value)
{%- endmacro %}

{% macro snowflake__json_elements(expression, path, name) -%}
    {%- set found = json_member(expression, path) -%}
    {#- Not by its mode alone, which the stand-in takes no notice of. #}
    cross join lateral flatten(
        input => case when left(to_json({{ found }}), 1) = '[' then {{ found }} end
    ) as {{ name }}
{%- endmacro %}

{% macro bigquery__json_elements(expression, path, name) -%}
    cross join unnest(array(
        select as struct element as value
        from unnest({{ _json_array(expression, path) }}) as element
    )) as {{ name }}
{%- endmacro %}

{#- The elements as BigQuery reads them; the stand-in for it fails on what is no array. -#}
{% macro _json_array(expression, path) -%}
    case
        when json_type(json_query({{ expression }}, {{ json_path(path) }})) = 'array'
            then json_query_array({{ expression }}, {{ json_path(path) }})
    end
{%- endmacro %}

{#- A path as DuckDB and BigQuery write it. -#}
{% macro json_path(path) -%}
    {{ return(text_literal('$' ~ ('' if not path or path.startswith('[') else '.') ~ path)) }}
{%- endmacro %}

{#- A member as Snowflake reads it. -#}
{% macro json_member(expression, path) -%}
    {{ return('get_path(' ~ expression ~ ', ' ~ text_literal(path) ~ ')' if path else expression) }}
{%- endmacro %}
