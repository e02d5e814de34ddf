{#- Regular expressions, found anywhere in a text unless anchored. Patterns hold what every engine
    reads alike: sets as [0-9] or [[:space:]], groups, anchors, greedy repeats. No backslash, no
    lazy repeat, no (?…): those are refused when a model is compiled. -#}

{#- The pattern as a text of SQL, refused where engines would read it in different ways. -#}
{% macro portable_pattern(pattern) -%}
    {%- for strange in ['\\', '(?', '*?', '+?', '??', '}?'] if strange in pattern -%}
        {{ exceptions.raise_compiler_error(
            "The pattern " ~ pattern ~ " holds " ~ strange ~ ", which warehouses read in different"
            ~ " ways: write sets as [0-9], [[:space:]] or [.] instead.") }}
    {%- endfor -%}
    {{ return(text_literal(pattern)) }}
{%- endmacro %}

{#- Whether a pattern is found; NULL for NULL. -#}
{% macro regex_matches(expression, pattern) -%}
    {{ return(adapter.dispatch('regex_matches')(expression, portable_pattern(pattern))) }}
{%- endmacro %}

{% macro default__regex_matches(expression, pattern) -%}
    (regexp_instr({{ expression }}, {{ pattern }}) > 0)
{%- endmacro %}

{% macro duckdb__regex_matches(expression, pattern) -%}
    regexp_matches({{ expression }}, {{ pattern }})
{%- endmacro %}

{% macro bigquery__regex_matches(expression, pattern) -%}
    regexp_contains({{ expression }}, {{ pattern }})
{%- endmacro %}

{#- The first match, or what its first group holds; NULL where nothing, or nothing but '', is found. -#}
{% macro regex_extract(expression, pattern) -%}
    {#- What stands in a set is no group. -#}
    {%- set groups = modules.re.sub('\\[[^]]+\\]', '', pattern).count('(') -%}
    {%- if groups > 1 -%}
        {{ exceptions.raise_compiler_error(
            "The pattern " ~ pattern ~ " has " ~ groups ~ " groups: BigQuery extracts one alone.") }}
    {%- endif -%}
    nullif({{ adapter.dispatch('regex_extract')(expression, portable_pattern(pattern), groups) }}, '')
{%- endmacro %}

{% macro default__regex_extract(expression, pattern, group) -%}
    regexp_substr({{ expression }}, {{ pattern }}{{ ", 1, 1, 'e', 1" if group }})
{%- endmacro %}

{% macro duckdb__regex_extract(expression, pattern, group) -%}
    regexp_extract({{ expression }}, {{ pattern }}, {{ group }})
{%- endmacro %}

{% macro bigquery__regex_extract(expression, pattern, group) -%}
    regexp_extract({{ expression }}, {{ pattern }})
{%- endmacro %}

{#- The text with every match replaced by plain text (no groups, so no backslash). -#}
{% macro regex_replace_all(expression, pattern, replacement) -%}
    {%- if '\\' in replacement -%}
        {{ exceptions.raise_compiler_error(
            "The replacement " ~ replacement ~ " holds a backslash, which warehouses read in"
            ~ " different ways.") }}
    {%- endif -%}
    {{ return(adapter.dispatch('regex_replace_all')(
        expression, portable_pattern(pattern), text_literal(replacement))) }}
{%- endmacro %}

{% macro default__regex_replace_all(expression, pattern, replacement) -%}
    regexp_replace({{ expression }}, {{ pattern }}, {{ replacement }})
{%- endmacro %}

{% macro duckdb__regex_replace_all(expression, pattern, replacement) -%}
    regexp_replace({{ expression }}, {{ pattern }}, {{ replacement }}, 'g')
{%- endmacro %}
