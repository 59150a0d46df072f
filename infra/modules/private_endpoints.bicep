// Private addresses of the storage accounts, and the names under which the app finds them.

@description('Azure region.')
param location string

@description('Tags.')
param tags object

@description('The network in which the names are known.')
param virtualNetworkId string

@description('The subnet in which the addresses lie.')
param subnetId string

@description('Endpoints: each { name, accountId, service }, service being blob, dfs, queue or table.')
param endpoints array

var services = [
  'blob'
  'dfs'
  'queue'
  'table'
]
var storageSuffix = environment().suffixes.storage

resource zones 'Microsoft.Network/privateDnsZones@2024-06-01' = [for service in services: {
  name: 'privatelink.${service}.${storageSuffix}'
  location: 'global'
  tags: tags
}]

resource links 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01' = [for (service, index) in services: {
  parent: zones[index]
  name: 'dropzone'
  location: 'global'
  tags: tags
  properties: {
    registrationEnabled: false
    virtualNetwork: {
      id: virtualNetworkId
    }
  }
}]

// One after another: an account that has two made at once refuses the second.
@batchSize(1)
resource made 'Microsoft.Network/privateEndpoints@2024-05-01' = [for endpoint in endpoints: {
  name: 'pe-${endpoint.name}'
  location: location
  tags: tags
  properties: {
    subnet: {
      id: subnetId
    }
    privateLinkServiceConnections: [
      {
        name: endpoint.name
        properties: {
          privateLinkServiceId: endpoint.accountId
          groupIds: [
            endpoint.service
          ]
        }
      }
    ]
  }
}]

@batchSize(1)
resource names 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2024-05-01' = [for (endpoint, index) in endpoints: {
  parent: made[index]
  name: 'default'
  properties: {
    privateDnsZoneConfigs: [
      {
        name: endpoint.service
        properties: {
          privateDnsZoneId: resourceId('Microsoft.Network/privateDnsZones', 'privatelink.${endpoint.service}.${storageSuffix}')
        }
      }
    ]
  }
  dependsOn: [
    zones
    links
  ]
}]
