// The function app on Flex Consumption, with every setting that the host and the program read.

@description('Name of the plan.')
param planName string

@description('Name of the app.')
param appName string

@description('Azure region.')
param location string

@description('Tags.')
param tags object

@description('Resource id of the app\'s identity.')
param identityId string

@description('Client id of the app\'s identity.')
param identityClientId string

@description('Connection string of Application Insights; it holds no key that opens anything.')
param insightsConnectionString string

@description('Blob address of the account of uploads and receipts.')
param dropBlobEndpoint string

@description('Blob address of the account of staged rows, state and configs.')
param lakeBlobEndpoint string

@description('Blob address of the account of results.')
param resultsBlobEndpoint string

@description('Blob address of the host\'s account.')
param hostBlobEndpoint string

@description('Queue address of the host\'s account.')
param hostQueueEndpoint string

@description('Table address of the host\'s account.')
param hostTableEndpoint string

@description('Container of the host\'s account that deployments put the package into.')
param packageContainerName string

@description('Settings of the program and schedules of its timers, by name.')
param programSettings object

@description('Most instances of each function at once, all HTTP calls being one.')
param maximumInstanceCount int

@description('Instances that are kept for HTTP calls.')
param httpAlwaysReady int

@description('RollingUpdate or Recreate.')
param updateStrategy string

@description('Subnet that the app speaks from; empty for none.')
param subnetId string

// FUNCTIONS_WORKER_RUNTIME, FUNCTIONS_EXTENSION_VERSION and WEBSITE_RUN_FROM_PACKAGE must not be set on this plan.
var platformSettings = {
  APPLICATIONINSIGHTS_CONNECTION_STRING: insightsConnectionString
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identityClientId};Authorization=AAD'
  AzureWebJobsStorage__credential: 'managedidentity'
  AzureWebJobsStorage__clientId: identityClientId
  AzureWebJobsStorage__blobServiceUri: hostBlobEndpoint
  AzureWebJobsStorage__queueServiceUri: hostQueueEndpoint
  AzureWebJobsStorage__tableServiceUri: hostTableEndpoint
  DROP_STORAGE__blobServiceUri: dropBlobEndpoint
  DROP_STORAGE__clientId: identityClientId
  LAKE_STORAGE__blobServiceUri: lakeBlobEndpoint
  LAKE_STORAGE__clientId: identityClientId
  RESULTS_STORAGE__blobServiceUri: resultsBlobEndpoint
  RESULTS_STORAGE__clientId: identityClientId
}

resource plan 'Microsoft.Web/serverfarms@2024-11-01' = {
  name: planName
  location: location
  tags: tags
  kind: 'functionapp'
  sku: {
    name: 'FC1'
    tier: 'FlexConsumption'
  }
  properties: {
    reserved: true
  }
}

resource app 'Microsoft.Web/sites@2024-11-01' = {
  name: appName
  location: location
  // azd finds by this tag where the service of azure.yaml goes.
  tags: union(tags, { 'azd-service-name': 'app' })
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identityId}': {}
    }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    publicNetworkAccess: 'Enabled'
    virtualNetworkSubnetId: empty(subnetId) ? null : subnetId
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: '${hostBlobEndpoint}/${packageContainerName}'
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identityId
          }
        }
      }
      runtime: {
        name: 'python'
        version: '3.13'
      }
      scaleAndConcurrency: {
        instanceMemoryMB: 4096
        maximumInstanceCount: maximumInstanceCount
        alwaysReady: httpAlwaysReady == 0 ? [] : [
          {
            name: 'http'
            instanceCount: httpAlwaysReady
          }
        ]
        // By itself an instance has one request at a time, and requests that come together could not share an append.
        triggers: {
          http: {
            perInstanceConcurrency: 8
          }
        }
      }
      // Neither strategy is trusted to let work end: what is cut off is done again by the next worker.
      siteUpdateStrategy: {
        type: updateStrategy
      }
    }
    siteConfig: {
      ftpsState: 'Disabled'
      http20Enabled: true
      minTlsVersion: '1.2'
      scmMinTlsVersion: '1.2'
      appSettings: [for setting in items(union(platformSettings, programSettings)): {
        name: setting.key
        value: setting.value
      }]
    }
  }
}

resource noFtpPasswords 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-11-01' = {
  parent: app
  name: 'ftp'
  properties: {
    allow: false
  }
}

resource noDeployPasswords 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-11-01' = {
  parent: app
  name: 'scm'
  properties: {
    allow: false
  }
}

output name string = app.name
// Not always the name with the platform's domain behind it.
output hostName string = app.properties.defaultHostName
