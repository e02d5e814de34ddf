{#- Amounts in euro, at the fixed rates of dbt_project.yml. -#}

{#- The euro rate of a currency column; NULL for a currency without a rate. -#}
{% macro eur_rate(currency) -%}
    case {{ currency }}
        {%- for code, rate in var('eur_rates').items() %}
        when '{{ code }}' then {{ to_decimal(rate, 9, 6) }}
        {%- endfor %}
    end
{%- endmacro %}

{#- An amount in euro, rounded to cents; rounding comes before any sum, so sums agree everywhere. -#}
{% macro to_eur(amount, currency) -%}
    {{ to_decimal('round(' ~ amount ~ ' * ' ~ eur_rate(currency) ~ ', 2)', 14, 2) }}
{%- endmacro %}
