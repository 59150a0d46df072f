// A role that writes blobs and does nothing else: no listing, no reading, no deleting.

@description('Name of the role, unique in the directory.')
param roleName string

resource role 'Microsoft.Authorization/roleDefinitions@2022-04-01' = {
  name: guid(resourceGroup().id, 'dropzone-write-only')
  properties: {
    roleName: roleName
    description: 'Writes uploads into the drop containers of Dropzone.'
    type: 'CustomRole'
    assignableScopes: [
      resourceGroup().id
    ]
    permissions: [
      {
        dataActions: [
          'Microsoft.Storage/storageAccounts/blobServices/containers/blobs/write'
          'Microsoft.Storage/storageAccounts/blobServices/containers/blobs/add/action'
        ]
      }
    ]
  }
}

output id string = role.id
