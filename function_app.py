"""The Functions app: registers the doors, and nothing else. The host wants this file at the root."""

import azure.functions as func

from functions import customer_worker, day_timer, day_worker, file_uploaded, housekeeping, http, sweep

app = func.FunctionApp()
app.register_functions(file_uploaded.blueprint)
app.register_functions(sweep.blueprint)
app.register_functions(customer_worker.blueprint)
app.register_functions(day_timer.blueprint)
app.register_functions(day_worker.blueprint)
app.register_functions(housekeeping.blueprint)
app.register_functions(http.blueprint)
