"""Runs the functions of an app on this machine as the Azure Functions host would."""
