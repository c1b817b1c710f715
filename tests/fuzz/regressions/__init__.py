"""Files on which the kit, or a library below it, once crashed, hung, lost a slice, or asked for gigabytes.

`recipes` makes most of them; the `.dcm` files beside this one are damaged streams over which GDCM ends the process.
"""
