// The page on which an operator finds the answers to four questions; its queries stand in infra/workbook.json.

@description('Azure region.')
param location string

@description('Tags.')
param tags object

@description('Log Analytics workspace that is asked.')
param workspaceId string

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  // The service wants a GUID; the same one at each deployment, so that there is one page.
  name: guid(workspaceId, 'dropzone-operator')
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    displayName: 'Dropzone'
    category: 'workbook'
    version: 'Notebook/1.0'
    sourceId: workspaceId
    serializedData: loadTextContent('../workbook.json')
  }
}
