"""`workbench view`: the comparison's page, served on 127.0.0.1 while the store is open.

    http://127.0.0.1:5100/Vq3…/             the page: summary and index, no texts
    http://127.0.0.1:5100/Vq3…/rows?numbers=0,1,2      …/more?number=17      …/search?q=refund
    http://127.0.0.1:5100/Vq3…/rate         POST {"number": 17, "variant": 0, "good": false, …}
    http://127.0.0.1:5100/Vq3…/state        {"new": 12, "mlflow": "http://…", "rating_error": ""}

live_comparison  the comparison of what is stored now, and its rows by number
page_contents    summary and index of one comparison
page_cache       those of large comparisons, valid until something changes
page_server      the requests, and who may make them
"""
