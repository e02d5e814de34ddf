{#- Names of types, the same on every warehouse: those of the SQL standard, as contracts write them. -#}

{#- A type by the name that the warehouse has for it. -#}
{% macro portable_type(data_type) -%}
    {{ return(adapter.dispatch('portable_type')(data_type)) }}
{%- endmacro %}

{% macro default__portable_type(data_type) -%}
    {{ return(data_type) }}
{%- endmacro %}

{#- A NUMERIC of BigQuery has at most 29 digits before the point, and 9 after it. -#}
{% macro bigquery__portable_type(data_type) -%}
    {%- set names = {
        'varchar': 'string', 'text': 'string', 'double': 'float64', 'double precision': 'float64',
        'float': 'float64', 'real': 'float64', 'timestamp': 'datetime', 'timestamptz': 'timestamp',
        'timestamp with time zone': 'timestamp', 'blob': 'bytes', 'binary': 'bytes'
    } -%}
    {%- set base = data_type.split('(')[0] | trim | lower -%}
    {%- if base in names -%}{{ return(names[base]) }}{%- endif -%}
    {%- if base in ['decimal', 'numeric', 'number'] and '(' in data_type -%}
        {%- set digits = data_type.split('(')[1].rstrip(') ').split(',') -%}
        {%- set scale = digits[1] | int if digits | length > 1 else 0 -%}
        {%- set precision = digits[0] | int -%}
        {%- if scale > 9 -%}{{ return('bignumeric(' ~ precision ~ ', ' ~ scale ~ ')') }}{%- endif -%}
        {{ return('numeric(' ~ [precision, 29 + scale] | min ~ ', ' ~ scale ~ ')') }}
    {%- endif -%}
    {{ return(data_type) }}
{%- endmacro %}

{#- dbt compares and declares the columns of an enforced contract by the names that its yml has:
    BigQuery reads none of the standard's. -#}
{% macro bigquery__get_assert_columns_equivalent(sql) -%}
    {%- for column in model['columns'].values() if column.get('data_type') -%}
        {%- do column.update({'data_type': portable_type(column['data_type'])}) -%}
    {%- endfor -%}
    {{ return(dbt.default__get_assert_columns_equivalent(sql)) }}
{%- endmacro %}

{#- The declared columns as a query without rows; a cast of BigQuery takes no digits. -#}
{% macro bigquery__get_empty_schema_sql(columns) -%}
    {%- set plain = {} -%}
    {%- for name, column in columns.items() -%}
        {%- if not column.get('data_type') -%}
            {{ exceptions.column_type_missing(column_names=[name]) }}
        {%- endif -%}
        {#- By now the type bears BigQuery's own name. -#}
        {%- set kind = column['data_type'] -%}
        {%- set bare = kind.split('(')[0] if '<' not in kind else kind -%}
        {%- do plain.update({name: dict(column, data_type=bare)}) -%}
    {%- endfor -%}
    select
    {%- for column in adapter.nest_column_data_types(plain).values() %}
        cast(null as {{ column['data_type'] }}) as
        {{ adapter.quote(column['name']) if column.get('quote') else column['name'] }}
        {{- ',' if not loop.last }}
    {%- endfor %}
    from (select 1) as nothing
    where false
    limit 0
{%- endmacro %}
