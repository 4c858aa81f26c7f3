# package rules
