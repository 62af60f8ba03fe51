"""Tables that ship with the assessment: prices, versions, rules, practices and a small document set.

Every row says where it comes from; what nobody published in this form is marked as an assumption.
"""
