{#- Quantiles of a group, as aggregates; missing values do not count, and none of none is NULL. -#}

{#- Exact: the least value that a share of the values does not exceed, one of the values itself. -#}
{% macro quantile(expression, share) -%}
    {{ return(adapter.dispatch('quantile')(expression, share)) }}
{%- endmacro %}

{% macro default__quantile(expression, share) -%}
    percentile_disc({{ share }}) within group (order by {{ expression }})
{%- endmacro %}

{#- BigQuery's exact percentiles are no aggregates, and all values of a group are sorted in one place. -#}
{% macro bigquery__quantile(expression, share) -%}
    array_agg({{ expression }} ignore nulls order by {{ expression }})[
        safe_ordinal(greatest(1, cast(ceil({{ share }} * count({{ expression }})) as int64)))
    ]
{%- endmacro %}

{#- Exact, between two values where the share falls between them. Not on BigQuery. -#}
{% macro quantile_between(expression, share) -%}
    {{ return(adapter.dispatch('quantile_between')(expression, share)) }}
{%- endmacro %}

{% macro default__quantile_between(expression, share) -%}
    percentile_cont({{ share }}) within group (order by {{ expression }})
{%- endmacro %}

{% macro bigquery__quantile_between(expression, share) -%}
    {{ exceptions.raise_compiler_error(
        "quantile_between cannot be computed on BigQuery, whose percentile_cont is no aggregate:"
        ~ " use quantile (exact, one of the values) or quantile_about.") }}
{%- endmacro %}

{#- About, in little memory: off by 1 % of the number of values or less, so no two engines agree. -#}
{% macro quantile_about(expression, share) -%}
    {{ return(adapter.dispatch('quantile_about')(expression, share)) }}
{%- endmacro %}

{% macro duckdb__quantile_about(expression, share) -%}
    approx_quantile({{ expression }}, {{ share }})
{%- endmacro %}

{% macro snowflake__quantile_about(expression, share) -%}
    approx_percentile({{ expression }}, {{ share }})
{%- endmacro %}

{% macro bigquery__quantile_about(expression, share) -%}
    approx_quantiles({{ expression }}, 1000)[safe_offset({{ (share * 1000) | round | int }})]
{%- endmacro %}
