{#- Amounts in euro, at the fixed rates of dbt_project.yml. -#}

{#- The euro rate of a currency column; NULL for a currency without a rate. -#}
{% macro eur_rate(currency) -%}
    case {{ currency }}
        {%- for code, rate in var('eur_rates').items() %}
        when '{{ code }}' then cast({{ rate }} as decimal(9, 6))
        {%- endfor %}
    end
{%- endmacro %}

{#- An amount in euro, rounded to cents; rounding comes before any sum, so sums agree everywhere. -#}
{% macro to_eur(amount, currency) -%}
    cast(round({{ amount }} * {{ eur_rate(currency) }}, 2) as decimal(14, 2))
{%- endmacro %}
