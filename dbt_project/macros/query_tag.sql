{#
  What Snowflake's query history tells of a model's statements: the run's own tag and the model.
  dbt-snowflake calls these around every materialisation; on other warehouses nobody does.
#}

{% macro snowflake__set_query_tag() %}
  {%- set told = fromjson(env_var('DATAPLATFORM_QUERY_TAG', ''), {'app': 'dataplatform'}) -%}
  {%- do told.update({'asset': (model.schema ~ '.' ~ (model.alias or model.name)) | lower}) -%}
  {%- do run_query("alter session set query_tag = '" ~ tag_literal(tojson(told)) ~ "'") -%}
  {{ return(none) }}
{% endmacro %}

{% macro snowflake__unset_query_tag(original_query_tag) %}
  {%- set told = env_var('DATAPLATFORM_QUERY_TAG', 'dataplatform') -%}
  {%- do run_query("alter session set query_tag = '" ~ tag_literal(told) ~ "'") -%}
{% endmacro %}

{# The inside of a string literal, in which Snowflake reads a backslash as an escape. #}
{% macro tag_literal(text) %}
  {{- return(text | replace("\\", "\\\\") | replace("'", "''")) -}}
{% endmacro %}
