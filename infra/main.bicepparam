using 'main.bicep'

// azd sets these; without it, export them. There is no default: a second, empty installation would be made by it in silence.
param environmentName = readEnvironmentVariable('AZURE_ENV_NAME')
param location = readEnvironmentVariable('AZURE_LOCATION')

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
