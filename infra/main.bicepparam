using 'main.bicep'

// azd sets these; without it, export them or write the values here.
param environmentName = readEnvironmentVariable('AZURE_ENV_NAME', 'dev')
param location = readEnvironmentVariable('AZURE_LOCATION', 'westeurope')

param tags = {
  product: 'dropzone'
}

// A principal is { id: '<object id in Entra>', type: 'User' | 'Group' | 'ServicePrincipal' }.
param customers = [
  {
    name: 'acme'
    uploaders: []
    readers: []
  }
]
param uploaderAccess = 'contributor'
param operators = []
param alertEmails = []

param networkMode = 'public'
param storageSku = 'Standard_ZRS'
