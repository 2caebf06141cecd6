"""The Python interpreter as a variable of genrules."""

def _py_make_variables_impl(ctx):
    return [platform_common.TemplateVariableInfo({"PYTHON3": ctx.attr.interpreter})]

py_make_variables = rule(
    implementation = _py_make_variables_impl,
    attrs = {"interpreter": attr.string(mandatory = True)},
)
