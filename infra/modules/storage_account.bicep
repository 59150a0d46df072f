// A storage account without keys and without public blobs, with its containers and queues and the rules that delete.

@description('Name of the account.')
@minLength(3)
@maxLength(24)
param name string

@description('Azure region.')
param location string

@description('Tags.')
param tags object

@description('Redundancy.')
param sku string

@description('Whether only private endpoints, allowedIpRanges and Event Grid reach it.')
param isPrivate bool

@description('Public addresses let in when isPrivate.')
param allowedIpRanges array = []

@description('Whether blobs keep earlier versions.')
param hasVersions bool = false

@description('Whether it has directories, and with them an endpoint (dfs) for Spark and its like. Such an account has no versions, and its blobs cannot be brought back: that endpoint was reported to refuse accounts that keep deleted blobs.')
param isHierarchical bool = false

@description('Days for which deleted blobs and containers can be brought back.')
param undoDays int

@description('Containers.')
param containers array = []

@description('Queues; writes to them are logged.')
param queues array = []

@description('Rules that delete earlier versions: each { name, prefix, days }, days counted from when the version was written.')
param versionRules array = []

@description('Rules that delete blobs: each { name, prefix, days }, days counted from when the blob was last written.')
param blobRules array = []

@description('Log Analytics workspace for the logs of the queues.')
param workspaceId string

var versionPolicies = [for rule in versionRules: {
  name: rule.name
  type: 'Lifecycle'
  enabled: true
  definition: {
    filters: {
      blobTypes: [
        'blockBlob'
      ]
      prefixMatch: [
        rule.prefix
      ]
    }
    actions: {
      version: {
        delete: {
          daysAfterCreationGreaterThan: rule.days
        }
      }
    }
  }
}]

var blobPolicies = [for rule in blobRules: {
  name: rule.name
  type: 'Lifecycle'
  enabled: true
  definition: {
    filters: {
      blobTypes: [
        'blockBlob'
        'appendBlob'
      ]
      prefixMatch: [
        rule.prefix
      ]
    }
    actions: {
      baseBlob: {
        delete: {
          daysAfterModificationGreaterThan: rule.days
        }
      }
    }
  }
}]

var allowedAddresses = [for range in allowedIpRanges: {
  value: range
  action: 'Allow'
}]

resource account 'Microsoft.Storage/storageAccounts@2025-06-01' = {
  name: name
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: {
    name: sku
  }
  properties: {
    accessTier: 'Hot'
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    isHnsEnabled: isHierarchical
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    // Not Disabled when private: Event Grid delivers as a trusted service, past the rules of a public endpoint that is on.
    publicNetworkAccess: 'Enabled'
    networkAcls: {
      bypass: 'AzureServices'
      defaultAction: isPrivate ? 'Deny' : 'Allow'
      ipRules: isPrivate ? allowedAddresses : []
    }
  }
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2025-06-01' = {
  parent: account
  name: 'default'
  properties: {
    isVersioningEnabled: isHierarchical ? null : hasVersions
    deleteRetentionPolicy: isHierarchical ? {
      enabled: false
    } : {
      enabled: true
      days: undoDays
    }
    containerDeleteRetentionPolicy: {
      enabled: true
      days: undoDays
    }
  }
}

resource madeContainers 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-06-01' = [for container in containers: {
  parent: blobs
  name: container
  properties: {
    publicAccess: 'None'
  }
}]

resource queueService 'Microsoft.Storage/storageAccounts/queueServices@2025-06-01' = {
  parent: account
  name: 'default'
}

resource madeQueues 'Microsoft.Storage/storageAccounts/queueServices/queues@2025-06-01' = [for queue in queues: {
  parent: queueService
  name: queue
}]

resource deletion 'Microsoft.Storage/storageAccounts/managementPolicies@2025-06-01' = if (!empty(concat(versionRules, blobRules))) {
  parent: account
  name: 'default'
  properties: {
    policy: {
      rules: concat(versionPolicies, blobPolicies)
    }
  }
  dependsOn: [
    blobs
  ]
}

// Writes alone: the host asks its queues for messages all the time, and that would be logged as well.
resource queueLogs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = if (!empty(queues)) {
  name: 'queue-writes'
  scope: queueService
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        category: 'StorageWrite'
        enabled: true
      }
    ]
  }
}

output id string = account.id
output name string = account.name
// Without the slash that the account's own property ends with.
output blobEndpoint string = 'https://${account.name}.blob.${environment().suffixes.storage}'
output queueEndpoint string = 'https://${account.name}.queue.${environment().suffixes.storage}'
output tableEndpoint string = 'https://${account.name}.table.${environment().suffixes.storage}'
