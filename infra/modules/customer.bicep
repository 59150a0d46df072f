// One customer: three containers, and who may write and read them.

@description('Name of the customer.')
@minLength(3)
@maxLength(50)
param customer string

@description('Account of uploads and receipts.')
param dropAccountName string

@description('Account of results.')
param resultsAccountName string

@description('Who uploads and reads receipts: each { id, type }.')
param uploaders array

@description('Who reads receipts and results: each { id, type }.')
param readers array

@description('Role that uploaders get on the drop container; empty for Storage Blob Data Contributor.')
param writeOnlyRoleId string

var definitions = 'Microsoft.Authorization/roleDefinitions'
var blobContributor = subscriptionResourceId(definitions, 'ba92f5b4-2d11-453d-a403-e96b0029c9fe')
var blobReader = subscriptionResourceId(definitions, '2a2b9908-6ea1-4ae2-8e65-a410df84e7d1')
var uploaderRole = empty(writeOnlyRoleId) ? blobContributor : writeOnlyRoleId

resource dropAccount 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {
  name: dropAccountName
}

resource dropBlobs 'Microsoft.Storage/storageAccounts/blobServices@2025-06-01' existing = {
  parent: dropAccount
  name: 'default'
}

resource resultsAccount 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {
  name: resultsAccountName
}

resource resultsBlobs 'Microsoft.Storage/storageAccounts/blobServices@2025-06-01' existing = {
  parent: resultsAccount
  name: 'default'
}

resource drop 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-06-01' = {
  parent: dropBlobs
  name: 'drop-${customer}'
  properties: {
    publicAccess: 'None'
  }
}

resource receipts 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-06-01' = {
  parent: dropBlobs
  name: 'receipts-${customer}'
  properties: {
    publicAccess: 'None'
  }
}

resource results 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-06-01' = {
  parent: resultsBlobs
  name: 'results-${customer}'
  properties: {
    publicAccess: 'None'
  }
}

resource uploadersWrite 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for principal in uploaders: {
  name: guid(drop.id, principal.id, uploaderRole)
  scope: drop
  properties: {
    principalId: principal.id
    principalType: principal.type
    roleDefinitionId: uploaderRole
  }
}]

resource receiptsRead 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for principal in union(uploaders, readers): {
  name: guid(receipts.id, principal.id, blobReader)
  scope: receipts
  properties: {
    principalId: principal.id
    principalType: principal.type
    roleDefinitionId: blobReader
  }
}]

resource resultsRead 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for principal in readers: {
  name: guid(results.id, principal.id, blobReader)
  scope: results
  properties: {
    principalId: principal.id
    principalType: principal.type
    roleDefinitionId: blobReader
  }
}]
