{#- Cleaning of text, the same on every warehouse. Empty text becomes NULL. -#}

{#- Free text: every run of white space is one space, none at the ends. -#}
{% macro clean_text(expression) -%}
    nullif(trim({{ regex_replace_all(expression, '[[:space:]]+', ' ') }}, ' '), '')
{%- endmacro %}

{#- Names of people: as free text, in upper case. -#}
{% macro clean_name(expression) -%}
    upper({{ clean_text(expression) }})
{%- endmacro %}

{#- Mail addresses: lower case, no white space at the ends. -#}
{% macro clean_email(expression) -%}
    nullif(lower(trim({{ expression }}, ' ')), '')
{%- endmacro %}

{#- Phone numbers: the digits alone. -#}
{% macro digits_only(expression) -%}
    nullif({{ regex_replace_all(expression, '[^0-9]', '') }}, '')
{%- endmacro %}
