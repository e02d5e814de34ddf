{#- Values written into SQL, so that no character of theirs ends the text. -#}

{#- A text in quotes. -#}
{% macro text_literal(value) -%}
    {{ return(adapter.dispatch('text_literal')(value | string)) }}
{%- endmacro %}

{% macro default__text_literal(value) -%}
    {{ return("'" ~ value | replace("'", "''") ~ "'") }}
{%- endmacro %}

{#- A backslash escapes there. -#}
{% macro snowflake__text_literal(value) -%}
    {{ return("'" ~ value | replace("\\", "\\\\") | replace("'", "''") ~ "'") }}
{%- endmacro %}

{% macro bigquery__text_literal(value) -%}
    {{ return("'" ~ value | replace("\\", "\\\\") | replace("'", "\\'") | replace("\n", "\\n") ~ "'") }}
{%- endmacro %}
