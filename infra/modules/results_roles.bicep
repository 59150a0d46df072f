// What the app and the operators may do with the account of results, where it is not the lake's.

@description('Account of results.')
param resultsAccountName string

@description('Object id of the app\'s identity.')
param appPrincipalId string

@description('Operators: each { id, type }.')
param operators array

var blobContributor = subscriptionResourceId('Microsoft.Authorization/roleDefinitions', 'ba92f5b4-2d11-453d-a403-e96b0029c9fe')

resource results 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {
  name: resultsAccountName
}

resource appResultsBlobs 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(results.id, appPrincipalId, blobContributor)
  scope: results
  properties: {
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: blobContributor
  }
}

resource operatorResultsBlobs 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for operator in operators: {
  name: guid(results.id, operator.id, blobContributor)
  scope: results
  properties: {
    principalId: operator.id
    principalType: operator.type
    roleDefinitionId: blobContributor
  }
}]
