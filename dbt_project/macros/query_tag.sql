{#
  What opens each statement, and is the labels of its job in BigQuery, where a label holds no point:
  the run's own tag and the model. A test bears its name.
#}
{% macro query_comment(node) %}
  {%- set told = fromjson(env_var('DATAPLATFORM_QUERY_TAG', ''), {'app': 'dataplatform'}) -%}
  {%- if node is not none and node.resource_type in ('model', 'snapshot', 'seed') -%}
    {%- do told.update({'asset': (node.schema ~ '__' ~ (node.alias or node.name)) | lower}) -%}
  {%- elif node is not none -%}
    {%- do told.update({'purpose': node.name}) -%}
  {%- endif -%}
  {{- return(tojson(told)) -}}
{% endmacro %}


{#
  What Snowflake's query history tells of a model's statements: the run's own tag and the model, and
  what the model declares as `query_tag`. dbt-snowflake calls these around every materialisation; on
  other warehouses nobody does.
#}

{% macro snowflake__set_query_tag() %}
  {%- set told = fromjson(env_var('DATAPLATFORM_QUERY_TAG', ''), {'app': 'dataplatform'}) -%}
  {%- do told.update({'asset': (model.schema ~ '.' ~ (model.alias or model.name)) | lower}) -%}
  {%- if config.get('query_tag') -%}{%- do told.update({'tag': config.get('query_tag')}) -%}{%- endif -%}
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
