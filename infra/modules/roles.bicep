// What the app and the operators may do with the storage accounts; data roles only, on one account each.

@description('Account of uploads and receipts.')
param dropAccountName string

@description('Account of staged rows, configs and state, and of results where they have none of their own.')
param lakeAccountName string

@description('Account of the queues and of the host.')
param hostAccountName string

@description('Object id of the app\'s identity.')
param appPrincipalId string

@description('Operators: each { id, type }.')
param operators array

var definitions = 'Microsoft.Authorization/roleDefinitions'
var blobOwner = subscriptionResourceId(definitions, 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b')
var blobContributor = subscriptionResourceId(definitions, 'ba92f5b4-2d11-453d-a403-e96b0029c9fe')
var blobDelegator = subscriptionResourceId(definitions, 'db58b8e5-c6ad-4a2a-8342-4190687cbf4a')
var queueContributor = subscriptionResourceId(definitions, '974c5e8b-45b9-4653-ba55-5f855dd0fb88')
var tableContributor = subscriptionResourceId(definitions, '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3')

resource drop 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {
  name: dropAccountName
}

resource lake 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {
  name: lakeAccountName
}

resource host 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {
  name: hostAccountName
}

// The host keeps its leases and its package as blobs, and takes ownership of containers that it makes.
resource appHostBlobs 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(host.id, appPrincipalId, blobOwner)
  scope: host
  properties: {
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: blobOwner
  }
}

// Not Message Processor: the host renews a message by changing it, which that role may not do.
resource appHostQueues 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(host.id, appPrincipalId, queueContributor)
  scope: host
  properties: {
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: queueContributor
  }
}

resource appHostTables 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(host.id, appPrincipalId, tableContributor)
  scope: host
  properties: {
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: tableContributor
  }
}

// On the account, not on containers: those of customers come and go, and it lists them.
resource appDropBlobs 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(drop.id, appPrincipalId, blobContributor)
  scope: drop
  properties: {
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: blobContributor
  }
}

resource appLakeBlobs 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(lake.id, appPrincipalId, blobContributor)
  scope: lake
  properties: {
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: blobContributor
  }
}

resource operatorDropBlobs 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for operator in operators: {
  name: guid(drop.id, operator.id, blobContributor)
  scope: drop
  properties: {
    principalId: operator.id
    principalType: operator.type
    roleDefinitionId: blobContributor
  }
}]

// Signatures for customers are signed with a key that Entra gives to a person or program, not with the account's.
resource operatorDropSignatures 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for operator in operators: {
  name: guid(drop.id, operator.id, blobDelegator)
  scope: drop
  properties: {
    principalId: operator.id
    principalType: operator.type
    roleDefinitionId: blobDelegator
  }
}]

resource operatorLakeBlobs 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for operator in operators: {
  name: guid(lake.id, operator.id, blobContributor)
  scope: lake
  properties: {
    principalId: operator.id
    principalType: operator.type
    roleDefinitionId: blobContributor
  }
}]

resource operatorHostQueues 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for operator in operators: {
  name: guid(host.id, operator.id, queueContributor)
  scope: host
  properties: {
    principalId: operator.id
    principalType: operator.type
    roleDefinitionId: queueContributor
  }
}]
