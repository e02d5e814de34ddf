{#- A schema is named exactly as configured: the asset key of a table and its relation then say the same. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ (custom_schema_name or target.schema) | trim }}
{%- endmacro %}
